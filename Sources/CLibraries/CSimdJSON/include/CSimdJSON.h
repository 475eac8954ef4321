#pragma once
int cb_json_placeholder(void);

#pragma once
int cb_web_placeholder(void);

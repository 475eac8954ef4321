extern "C" int cb_json_placeholder(void) { return 0; }

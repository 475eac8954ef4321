int cb_web_placeholder(void) { return 0; }

-- Takes back 0002; the list of sessions then grows slower with their number.
DROP INDEX sessions_activity;

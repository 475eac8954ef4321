-- The list of sessions by their latest activity, page by page: without an index each page reads and sorts all of them.
CREATE INDEX sessions_activity ON sessions (last_activity, id);

-- Takes back 0001, and with it every conversation that was logged.
DROP TABLE messages;
DROP TABLE sessions;

-- Takes back 0003: what still waits of people who were forgotten is written again.
DROP TABLE erasures;

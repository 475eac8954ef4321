// Empty: the target is here for its symbols alone (see mutex.c).

#pragma once
#include <hiredis/hiredis.h>

// redisReaderCreate is declared by hiredis.h and not by read.h, with (void) in one version and () in another, which Swift
// does not call.
static inline redisReader *cb_redis_reader_create(void) { return redisReaderCreate(); }

// The files of migrations/ inside the binary, so that it needs no folder beside it. #embed (C23) is the compiler's: the
// file is a dependency of this one and an edit is seen. One array and one line of the list for each file.
#include "CMigrations.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char up_0001[] = {
#embed "../../../migrations/0001_sessions_and_messages.up.sql"
};
static const unsigned char down_0001[] = {
#embed "../../../migrations/0001_sessions_and_messages.down.sql"
};
static const unsigned char up_0002[] = {
#embed "../../../migrations/0002_sessions_by_activity.up.sql"
};
static const unsigned char down_0002[] = {
#embed "../../../migrations/0002_sessions_by_activity.down.sql"
};
static const unsigned char up_0003[] = {
#embed "../../../migrations/0003_erasures.up.sql"
};
static const unsigned char down_0003[] = {
#embed "../../../migrations/0003_erasures.down.sql"
};

static const cb_migration_file files[] = {
    {"0001_sessions_and_messages.down.sql", down_0001, sizeof down_0001},
    {"0001_sessions_and_messages.up.sql", up_0001, sizeof up_0001},
    {"0002_sessions_by_activity.down.sql", down_0002, sizeof down_0002},
    {"0002_sessions_by_activity.up.sql", up_0002, sizeof up_0002},
    {"0003_erasures.down.sql", down_0003, sizeof down_0003},
    {"0003_erasures.up.sql", up_0003, sizeof up_0003},
};
const cb_migration_file *const cb_migration_files = files;
const size_t cb_migration_file_count = sizeof files / sizeof files[0];

#pragma once
#include <stddef.h>

/// One file of migrations/, as it was when this was compiled.
typedef struct {
    const char *name;
    const unsigned char *bytes;
    size_t count;
} cb_migration_file;

/// The files, in the order of their names.
extern const cb_migration_file *const cb_migration_files;
extern const size_t cb_migration_file_count;

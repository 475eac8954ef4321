#pragma once

/// One file of the chat page, as it is in `assets/`.
struct cb_web_asset {
    /// The path under which it is served.
    const char *path;
    /// The media type.
    const char *content_type;
    /// The file's bytes; they live as long as the program.
    const unsigned char *bytes;
    /// How many bytes.
    unsigned long count;
};

/// The files, `*count` of them.
const struct cb_web_asset *cb_web_assets(unsigned long *count);

// The chat page's files inside the binary, by C23's #embed: the compiler reads each file as it is, fast, and builds anew when
// one changes. There is no other build step.
#include "CWebPage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "assets/index.html"
};
static const unsigned char style_css[] = {
#embed "assets/style.css"
};
static const unsigned char app_js[] = {
#embed "assets/app.js"
};
static const unsigned char events_js[] = {
#embed "assets/events.js"
};
static const unsigned char markdown_js[] = {
#embed "assets/markdown.js"
};
static const unsigned char transcript_js[] = {
#embed "assets/transcript.js"
};
static const unsigned char favicon_svg[] = {
#embed "assets/favicon.svg"
};

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define JAVASCRIPT "text/javascript; charset=utf-8"
#define SVG "image/svg+xml"

static const struct cb_web_asset assets[] = {
    {"/", HTML, index_html, sizeof index_html},
    {"/assets/style.css", CSS, style_css, sizeof style_css},
    {"/assets/app.js", JAVASCRIPT, app_js, sizeof app_js},
    {"/assets/events.js", JAVASCRIPT, events_js, sizeof events_js},
    {"/assets/markdown.js", JAVASCRIPT, markdown_js, sizeof markdown_js},
    {"/assets/transcript.js", JAVASCRIPT, transcript_js, sizeof transcript_js},
    {"/favicon.svg", SVG, favicon_svg, sizeof favicon_svg},
};

const struct cb_web_asset *cb_web_assets(unsigned long *count) {
    *count = sizeof assets / sizeof assets[0];
    return assets;
}

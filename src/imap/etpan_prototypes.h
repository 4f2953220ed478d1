// libetpan exports its parser but installs no header for it. The link test of etpan_test.cc notices
// if a version no longer has it.
#pragma once

#include <libetpan/mailimap_types.h>
#include <libetpan/mailstream_types.h>
#include <libetpan/mmapstring.h>

extern "C" {
// With `fd` null everything is taken from `buffer`, and the end of it is
// MAILIMAP_ERROR_NEEDS_MORE_DATA instead of a read.
int mailimap_response_data_parse(mailstream* fd, MMAPString* buffer,
                                 struct mailimap_parser_context* context, size_t* index,
                                 struct mailimap_response_data** result, size_t progress_rate,
                                 progress_function* progress);
}

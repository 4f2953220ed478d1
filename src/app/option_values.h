// What the values of options mean. Each throws std::invalid_argument with what it should be, such
// as "a number from 1 to 15"; `wanted` says that of the ones with a bound.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "app/options.h"

namespace emlfs::app::value {

using Text = const std::string&;

bool flag(Text value);
Milliseconds duration(Text value, Milliseconds least, const char* wanted);
uint64_t size(Text value, uint64_t least, const char* wanted);
unsigned number(Text value, unsigned least, unsigned most, const char* wanted);
mode_t mode(Text value);
uid_t userId(Text value);
gid_t groupId(Text value);
log::Level level(Text value);
std::string fingerprint(Text value);
std::string nameFormat(Text value);
std::string directory(Text value);
imap::Authentication authentication(Text value);
imap::Rate rate(Text value);
std::set<std::string> capabilities(Text value);
// A ':' in a pattern is written as "\\:", a backslash before it as "\\\\".
std::vector<std::string> patterns(Text value);
Deletion deletion(Text value);

}  // namespace emlfs::app::value

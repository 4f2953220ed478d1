// The first address of a From or Sender field.
#pragma once

#include <string>
#include <string_view>

namespace emlfs::view {

struct Sender {
  std::string name;     // display name, decoded; for an empty group the group's name
  std::string address;  // without angle brackets and route
};

// RFC 5322 section 3.4 with its obsolete forms (comments as names, routes, empty list elements).
// Any bytes are accepted; what can't be made out ends up in the name or the address somehow.
Sender firstSender(std::string_view field);

}  // namespace emlfs::view

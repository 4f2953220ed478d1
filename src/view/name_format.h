// The parts of a name pattern.
#pragma once

#include <string_view>
#include <vector>

namespace emlfs::view {

enum class Field { literal, date, time, from, subject, uid, message_id };

struct Piece {
  Field field = Field::literal;
  std::string_view text;  // of a literal; lives as long as the pattern
};

// Throws Error(invalid) for an unknown placeholder and for a character that no name may hold.
std::vector<Piece> pieces(std::string_view pattern);

}  // namespace emlfs::view

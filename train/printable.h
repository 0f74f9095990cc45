// Text from elsewhere (names of files, metadata, messages that quote them) made safe for a
// terminal, which would take control characters in it as commands. All that is printed passes
// through here.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace amcl {

// In one line: control characters (C0, DEL, C1) and bytes that are not UTF-8 become \xNN.
std::string printable(std::string_view text);

// A record as JSON, `indent` spaces a level, in one line if negative. Bytes that are not UTF-8
// become U+FFFD; DEL and C1, which JSON allows in a string, become \u00NN.
std::string json_text(const nlohmann::ordered_json& record, int indent = -1);

}  // namespace amcl

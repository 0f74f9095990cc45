// Packed sets made by a test.
#pragma once
#include <filesystem>
#include <string>

#include "data/packed/pack.h"
#include "data/packed/packed_format.h"

namespace amcl {

// Packs on the backend "cpu".
PackReport pack(const std::filesystem::path& source, const std::filesystem::path& file,
                const PackOptions& options = {});

// A packed set of three small pictures in two classes, as bytes.
std::string small_packed_file();

PackedHeader header_of(const std::string& packed);
// Writes the header with its CRC and that of the index made right.
void set_header(std::string& packed, PackedHeader header);

}  // namespace amcl

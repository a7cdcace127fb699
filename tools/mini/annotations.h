#pragma once
// CLDR's names of characters: annotations/<language>.xml and annotationsDerived/<language>.xml. Untrusted.
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/byte_reader.h"

namespace dq::mini {

struct Annotation {
  std::string characters;             // UTF-8, without U+FE0F
  std::string name;                   // type="tts": what a screen reader says
  std::vector<std::string> keywords;  // in the file's order
};

class Annotations {
 public:
  // Adds the entries of one file (≤ 64 MB of XML without entities of its own). Throws kBadFile.
  void read(Bytes file);

  // In the order of the files, which is CLDR's order of emoji.
  const std::vector<Annotation>& all() const { return entries_; }
  const Annotation* find(const std::string& characters) const;

 private:
  Annotation& entry(const std::string& characters);
  std::vector<Annotation> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace dq::mini

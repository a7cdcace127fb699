#include "checkpoint/output_file.h"

#include <utility>

#include "base/error.h"

namespace dq::tools {

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)), partial_(path_.string() + ".partial"), out_(partial_, std::ios::binary) {
  if (!out_) throw Error(ErrorCode::kIo, "cannot create the file").in(partial_.string());
}

OutputFile::~OutputFile() {
  std::error_code ignored;
  if (!committed_) std::filesystem::remove(partial_, ignored);
}

void OutputFile::write(std::span<const std::byte> bytes) {
  out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  size_ += bytes.size();
}

void OutputFile::patch(std::uint64_t offset, std::string_view text) {
  out_.seekp(static_cast<std::streamoff>(offset));
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  out_.seekp(static_cast<std::streamoff>(size_));
}

void OutputFile::commit() {
  out_.close();
  if (!out_)
    throw Error(ErrorCode::kIo, "cannot write the file").in(partial_.string()).hint("Is the disk full?");
  std::filesystem::rename(partial_, path_);
  committed_ = true;
}

}  // namespace dq::tools

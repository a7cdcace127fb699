#pragma once
// Textual-inversion embeddings in the folders that people keep them in.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/family.h"

namespace dq::pipeline {

// Name (file name without extension) → file, for every embedding in the folders and their sub-folders.
// Folders that do not exist are passed over; of two files with one name the first folder's wins.
std::map<std::string, std::filesystem::path> list_learned_words(
    const std::vector<std::filesystem::path>& folders);

// The folders that programs use, seen from a model file: "embeddings" beside it, beside its folder, and one
// further up.
std::vector<std::filesystem::path> embedding_folders(const std::filesystem::path& model);

// Reads an embedding in any of the known layouts: `string_to_param` of a .pt, `emb_params`, a single tensor
// [n, D] or [D] under the placeholder's name, or one tensor for each encoder ("clip_l", "clip_g"). A tensor
// that does not say which encoder it is for gets the key "clip_l". Throws kUnsupported when it is none of
// these.
models::LearnedWord read_learned_word(const std::filesystem::path& file, Device& device);

// Those of `available` whose names occur in one of the texts (in any case), read. A file that is no embedding
// is passed over when there is a list for why, a finished sentence each: people keep other files in such
// folders, and their names occur in prompts by chance. Without a list it is an error.
std::map<std::string, models::LearnedWord> words_in(
    const std::vector<std::string>& texts, const std::map<std::string, std::filesystem::path>& available,
    Device& device, std::vector<std::string>* passed_over = nullptr);

}  // namespace dq::pipeline

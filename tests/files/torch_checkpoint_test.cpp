// From pickles to tensors: bounds of views, names, wrappers, and what malicious files turn into.
#include "files/torch_checkpoint.h"

#include <gtest/gtest.h>

#include "files/builders.h"
#include "files/torch_legacy.h"
#include "files/torch_zip.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

using namespace std::string_literals;
using test::bytes_of;
using test::error_of;
namespace p = test::pickle;

const std::string kSixteen(16, 'd');

ParsedWeights read(const std::string& pickle, const std::vector<std::string>& storages = {kSixteen}) {
  return parse_torch_zip(bytes_of(test::torch_zip(p::whole(pickle), storages)));
}

std::string float_tensor(std::int64_t offset, const std::vector<std::int64_t>& sizes,
                         const std::vector<std::int64_t>& strides) {
  return p::tensor(p::storage("FloatStorage", "0", 4), offset, sizes, strides);
}

void expect_bad(const std::string& pickle, const std::string& message, ErrorCode code = ErrorCode::kBadFile) {
  const Error error = error_of([&] { read(pickle); });
  EXPECT_EQ(error.code(), code) << error.what();
  EXPECT_NE(error.message().find(message), std::string::npos) << error.what();
}

void expect_bad_tensor(const std::string& tensor, const std::string& message) {
  expect_bad(p::dict({p::text("w"), tensor}), message);
  EXPECT_EQ(error_of([&] { read(p::dict({p::text("w"), tensor})); }).key(), "w");
}

std::vector<std::string> names(const ParsedWeights& parsed) {
  std::vector<std::string> out;
  for (const TensorEntry& entry : parsed.tensors) out.push_back(entry.name);
  std::sort(out.begin(), out.end());
  return out;
}

TEST(TorchTensor, StaysInItsStorage) {
  expect_bad_tensor(float_tensor(0, {5}, {1}), "reaches element 5, its storage has 4");
  expect_bad_tensor(float_tensor(4, {1}, {1}), "reaches element 5");
  expect_bad_tensor(float_tensor(0, {2, 2}, {3, 1}), "reaches element 5");
  expect_bad_tensor(float_tensor(-1, {1}, {1}), "no natural number");
  expect_bad_tensor(float_tensor(0, {-1}, {1}), "negative");
  expect_bad_tensor(float_tensor(3, {2}, {-1}), "negative");
  expect_bad_tensor(float_tensor(0, {2, 2}, {1}), "another number of strides");
  expect_bad_tensor(float_tensor(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}),
                    "more than 8 dimensions");
  expect_bad_tensor(float_tensor(INT64_MAX, {2}, {INT64_MAX}), "");
  expect_bad_tensor(float_tensor(0, {1ll << 40, 1ll << 40}, {0, 0}), "overflows");
  expect_bad_tensor(float_tensor(0, {1ll << 33}, {1ll << 33}), "overflows");
  expect_bad_tensor(float_tensor(0, {1ll << 61}, {0}), "");
  expect_bad_tensor(float_tensor(0, {1ll << 40}, {0}), "repeats the elements");
  EXPECT_EQ(read(p::dict({p::text("w"), float_tensor(1, {3}, {1})})).tensors[0].bytes, 12u);
  EXPECT_EQ(read(p::dict({p::text("w"), float_tensor(9, {0}, {1})})).tensors[0].bytes, 0u);
  EXPECT_EQ(read(p::dict({p::text("w"), float_tensor(3, {1000}, {0})})).tensors[0].bytes, 4u);
}

TEST(TorchTensor, StorageHasTheSizeThePickleSays) {
  const auto with = [](std::int64_t elements) {
    return p::dict({p::text("w"), p::tensor(p::storage("FloatStorage", "0", elements), 0, {1}, {1})});
  };
  EXPECT_EQ(read(with(4)).tensors.size(), 1u);
  for (const std::int64_t wrong :
       {std::int64_t{0}, std::int64_t{3}, std::int64_t{5}, std::int64_t{1} << 62, std::int64_t{-4}}) {
    EXPECT_EQ(error_of([&] { read(with(wrong)); }).code(), ErrorCode::kBadFile) << wrong;
  }
  expect_bad(p::dict({p::text("w"), p::tensor(p::storage("FloatStorage", "7", 4), 0, {1}, {1})}),
             "no storage '7'");
  expect_bad(p::dict({p::text("w"), p::tensor(p::storage("FloatStorage", "../data.pkl", 4), 0, {1}, {1})}),
             "no storage");
  expect_bad(p::dict({p::text("w"), p::tensor(p::storage("ComplexFloatStorage", "0", 2), 0, {1}, {1})}),
             "complex", ErrorCode::kUnsupported);
}

TEST(TorchNames, KeysAreJoined) {
  const std::string t = float_tensor(0, {1}, {1});
  EXPECT_EQ(names(read(p::dict(
                {p::text("a"), p::dict({p::text("b"), t, "K\x07", t}), p::text("l"), p::list({t, "N", t})}))),
            (std::vector<std::string>{"a.7", "a.b", "l.0", "l.2"}));
}

TEST(TorchNames, OneWrapperIsLeftOut) {
  const std::string t = float_tensor(0, {1}, {1});
  const std::string inner = p::dict({p::text("w"), t});
  for (const char* wrapper : {"state_dict", "params_ema", "params", "model_state_dict", "module", "model"}) {
    EXPECT_EQ(names(read(p::dict({p::text(wrapper), inner}))), std::vector<std::string>{"w"}) << wrapper;
  }
  EXPECT_EQ(names(read(p::dict({p::text("weights"), inner}))), std::vector<std::string>{"weights.w"});
  // Only once, and not when it holds no tensors.
  EXPECT_EQ(names(read(p::dict({p::text("state_dict"), p::dict({p::text("model"), inner})}))),
            std::vector<std::string>{"model.w"});
  EXPECT_EQ(names(read(p::dict({p::text("state_dict"), "}", p::text("w"), t}))),
            std::vector<std::string>{"w"});
  EXPECT_EQ(names(read(p::dict({p::text("params"), t}))), std::vector<std::string>{"params"});
  // "model" is an ordinary name beside other tensors.
  EXPECT_EQ(names(read(p::dict({p::text("model"), inner, p::text("x"), t}))),
            (std::vector<std::string>{"model.w", "x"}));
}

TEST(TorchNames, NamesAreChecked) {
  const std::string t = float_tensor(0, {1}, {1});
  expect_bad(p::dict({p::text("a\nb"), t}), "control characters");
  expect_bad(p::dict({p::text("\xff"), t}), "not UTF-8");
  expect_bad(p::dict({p::text(""), t}), "empty name");
  expect_bad(p::dict({p::text(std::string(1025, 'n')), t}), "longer than 1 KiB");
  expect_bad(p::dict({p::text(std::string(4097, 'n')), "N"}), "longer than 4 KiB");
  test::TempDir dir;
  const auto path = dir.write(
      "twice.pt", test::torch_zip(p::whole(p::dict({p::text("a"), t, p::text("a"), t})), {kSixteen}));
  EXPECT_EQ(error_of([&] { open_weights(path); }).message(), "two tensors have one name");
}

TEST(TorchNames, ContainersThatHoldOneAnotherAreBounded) {
  // Twenty dictionaries, each with the one before it twice: a million paths and more to one tensor.
  std::string pickle = p::dict({p::text("t"), float_tensor(0, {1}, {1})}) + "q" + "\x00"s;
  std::string body = "]" + pickle + "a";
  for (char i = 1; i < 30; ++i) {
    body += "}(" + p::text("a") + "h" + std::string(1, static_cast<char>(i - 1)) + p::text("b") + "h" +
            std::string(1, static_cast<char>(i - 1)) + "uq" + std::string(1, i) + "a";
  }
  const Error error = error_of([&] { read(body); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile) << error.what();
}

TEST(TorchZip, EntriesAreThoseOfACheckpoint) {
  const std::string pickle = p::whole("}");
  const auto with = [&](const std::string& name) {
    return test::zip({{.name = "a/data.pkl", .data = pickle}, {.name = name, .data = "x"}});
  };
  for (const char* good :
       {"a/version", "a/.format_version", "a/.storage_alignment", "a/.data/serialization_id", "a/data/12"}) {
    EXPECT_NO_THROW(parse_torch_zip(bytes_of(with(good)))) << good;
  }
  for (const char* bad :
       {"b/version", "a/data/", "a/data/x", "a/data/1/2", "a/evil.so", "version", "a/DATA.PKL"}) {
    const Error error = error_of([&] { parse_torch_zip(bytes_of(with(bad))); });
    EXPECT_EQ(error.code(), ErrorCode::kBadFile) << bad;
    EXPECT_EQ(error.key(), bad);
  }
  for (const char* other : {"a/code/x.py", "a/constants.pkl", "a/archive_format", "x.npy", "x.safetensors"}) {
    const Error error = error_of([&] { parse_torch_zip(bytes_of(with(other))); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << other;
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_NE(error_of([&] { parse_torch_zip(bytes_of(test::zip({{.name = "a/b", .data = "c"}}))); })
                .message()
                .find("no data.pkl"),
            std::string::npos);
}

TEST(TorchZip, ByteOrderAndPacking) {
  const auto with = [&](const std::string& order) {
    return test::zip({{.name = "a/data.pkl", .data = p::whole("}")}, {.name = "a/byteorder", .data = order}});
  };
  EXPECT_NO_THROW(parse_torch_zip(bytes_of(with("little"))));
  EXPECT_EQ(error_of([&] { parse_torch_zip(bytes_of(with("big"))); }).code(), ErrorCode::kUnsupported);
  EXPECT_EQ(error_of([&] { parse_torch_zip(bytes_of(with("middle"))); }).code(), ErrorCode::kBadFile);
  const std::string packed = test::zip({{.name = "a/data.pkl", .data = p::whole("}"), .method = 8}});
  EXPECT_EQ(error_of([&] { parse_torch_zip(bytes_of(packed)); }).code(), ErrorCode::kUnsupported);
  const std::string tail = test::zip({{.name = "a/data.pkl", .data = p::whole("}") + "x"}});
  EXPECT_NE(
      error_of([&] { parse_torch_zip(bytes_of(tail)); }).message().find("follows the end of the pickle"),
      std::string::npos);
}

TEST(TorchLegacy, ReadsAndRefuses) {
  const std::string object =
      p::whole(p::dict({p::text("w"), p::tensor(p::storage("FloatStorage", "k", 4), 0, {2, 2}, {2, 1})}));
  const std::string good = test::torch_legacy(object, {{"k", kSixteen}}, 4);
  const ParsedWeights parsed = parse_torch_legacy(bytes_of(good));
  ASSERT_EQ(parsed.tensors.size(), 1u);
  EXPECT_EQ(good.substr(parsed.tensors[0].offset, 16), kSixteen);
  const auto message = [](const std::string& file) {
    return error_of([&] { parse_torch_legacy(bytes_of(file)); }).message();
  };
  EXPECT_NE(message(good + "x").find("follows the last storage"), std::string::npos);
  EXPECT_NE(message(good.substr(0, good.size() - 1)).find("ends inside a storage"), std::string::npos);
  EXPECT_NE(message(test::torch_legacy(object, {{"k", kSixteen}, {"k", kSixteen}}, 4)).find("twice"),
            std::string::npos);
  EXPECT_NE(message(test::torch_legacy(object, {{"x", kSixteen}}, 4)).find("used by no tensor"),
            std::string::npos);
  EXPECT_NE(message(test::torch_legacy(object, {}, 4)).find("no storage 'k'"), std::string::npos);
  EXPECT_NE(message(test::torch_legacy(object, {{"k", kSixteen.substr(4)}}, 4))
                .find("has 12 bytes, the pickle says 16"),
            std::string::npos);
  EXPECT_NE(message(p::whole("}")).find("plain Python pickle"), std::string::npos);
  std::string big = good;
  big[big.find("\x88")] = '\x89';
  EXPECT_NE(message(big).find("big-endian"), std::string::npos);
}

TEST(TorchLegacy, ViewsOfStorages) {
  const auto with_view = [](std::int64_t offset, std::int64_t elements, std::int64_t first,
                            std::int64_t count) {
    const std::string storage =
        p::tuple({p::text("storage"), p::global("torch", "FloatStorage"), p::text("k"), p::text("cpu"),
                  p::integer(4), p::tuple({p::text("v"), p::integer(offset), p::integer(elements)})}) +
        "Q";
    return test::torch_legacy(p::whole(p::dict({p::text("w"), p::tensor(storage, first, {count}, {1})})),
                              {{"k", kSixteen}}, 4);
  };
  const std::string good = with_view(1, 2, 1, 1);
  const ParsedWeights parsed = parse_torch_legacy(bytes_of(good));
  EXPECT_EQ(parsed.tensors[0].offset, good.size() - 16 + 8);
  for (const std::string& bad : {with_view(1, 2, 0, 3), with_view(3, 2, 0, 1), with_view(-1, 2, 0, 1),
                                 with_view(1, INT64_MAX, 0, 1)}) {
    EXPECT_EQ(error_of([&] { parse_torch_legacy(bytes_of(bad)); }).code(), ErrorCode::kBadFile);
  }
}

}  // namespace
}  // namespace dq::files

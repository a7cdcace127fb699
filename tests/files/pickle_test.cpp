// The pickle interpreter: what it reads, what it refuses, and that it is only an interpreter of data.
#include "files/pickle.h"

#include <gtest/gtest.h>

#include "files/builders.h"

namespace dq::files {
namespace {

using namespace std::string_literals;
using test::bytes_of;
using test::error_of;
using Kind = PickleValue::Kind;
namespace p = test::pickle;

// The tree's bytes are the text's, so the text must outlive it.
struct Parsed {
  explicit Parsed(std::string pickle) : text(std::move(pickle)), tree(parse_pickle(bytes_of(text), 0)) {}
  std::string text;
  PickleTree tree;
};

void expect_bad(const std::string& pickle, const std::string& message) {
  const Error error = error_of([&] { parse_pickle(bytes_of(pickle), 0); });
  EXPECT_EQ(error.code(), ErrorCode::kBadFile) << error.what();
  EXPECT_NE(error.message().find(message), std::string::npos) << error.what();
  EXPECT_TRUE(error.offset().has_value());
}

std::int64_t int_of(const std::string& body) {
  const Parsed parsed(p::whole(body));
  EXPECT_EQ(parsed.tree.root.kind, Kind::kInt);
  return static_cast<std::int64_t>(parsed.tree.root.bits);
}

TEST(Pickle, Numbers) {
  EXPECT_EQ(int_of("K\xff"s), 255);
  EXPECT_EQ(int_of("M\xff\xff"s), 65535);
  EXPECT_EQ(int_of("J\xff\xff\xff\xff"s), -1);
  EXPECT_EQ(int_of("\x8a\x00"s), 0);
  EXPECT_EQ(int_of("\x8a\x01\xff"s), -1);
  EXPECT_EQ(int_of("\x8a\x02\x00\x80"s), -32768);
  EXPECT_EQ(int_of("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s), INT64_MAX);
  EXPECT_EQ(Parsed(p::whole("\x8a\x09\x01\x00\x00\x00\x00\x00\x00\x00\x01"s)).tree.root.kind, Kind::kBigInt);
  const Parsed half(p::whole("G\x3f\xe0\x00\x00\x00\x00\x00\x00"s));
  EXPECT_EQ(std::bit_cast<double>(half.tree.root.bits), 0.5);
}

TEST(Pickle, ContainersAndMemo) {
  const Parsed parsed(
      p::whole("}q\x00("s + p::text("k") + "q\x01]q\x02(K\x01h\x01" + "e" + p::text("s") + "h\x02u"));
  ASSERT_EQ(parsed.tree.root.kind, Kind::kDict);
  const auto& items = parsed.tree.items(parsed.tree.root);
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(parsed.tree.text(items[0]), "k");
  EXPECT_EQ(parsed.tree.items(items[1]).size(), 2u);
  EXPECT_EQ(items[3].bits, items[1].bits);  // one list, seen twice
}

TEST(Pickle, KnowsOnlyTheListedInstructions) {
  const std::string allowed =
      "\x80\x95.(}])t\x85\x86\x87N\x88\x89JKM\x8aGX\x8c"s + "CBqr\x94hjc\x93QRb\x81" + "aesu";
  for (int op = 0; op < 256; ++op) {
    const std::string pickle = p::whole(std::string(1, static_cast<char>(op)) + std::string(16, '\0'));
    const Error error = error_of([&] { parse_pickle(bytes_of(pickle), 0); });
    const bool refused = error.offset() == 2u && error.message().find("is not allowed") != std::string::npos;
    EXPECT_EQ(refused, allowed.find(static_cast<char>(op)) == std::string::npos) << op;
  }
}

TEST(Pickle, ProtocolTwoToFive) {
  for (int protocol = 0; protocol < 256; ++protocol) {
    const std::string pickle = p::whole("N", protocol);
    if (protocol >= 2 && protocol <= 5) {
      EXPECT_EQ(Parsed(pickle).tree.root.kind, Kind::kNone);
    } else {
      expect_bad(pickle, "is not one of 2 to 5");
    }
  }
  expect_bad("N.", "does not begin with a protocol number");
  expect_bad("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", "frame is longer");
}

TEST(Pickle, StackNeverRunsDry) {
  for (const char* body :
       {"",      "t", "e",    "u",      "s",   "a",    "R",     "b", "\x81", "\x85", "\x86", "\x87",
        "q\x01", "Q", "\x93", "N(\x85", "N(a", "](Na", "}(NNs", "(", "(e",   "(u",   "N)b)R"}) {
    expect_bad(p::whole(body), "");
  }
  expect_bad(p::whole("NN"), "values left over");
}

TEST(Pickle, EndsAreChecked) {
  const std::string pickle =
      p::whole(p::dict({p::text("key"), p::tensor(p::storage("FloatStorage", "0", 4), 0, {4}, {1})}));
  for (std::size_t n = 0; n < pickle.size(); ++n) {
    EXPECT_EQ(error_of([&] { parse_pickle(bytes_of(pickle.substr(0, n)), 0); }).code(), ErrorCode::kBadFile)
        << n;
  }
  EXPECT_EQ(Parsed(pickle + "rest").tree.size, pickle.size());
}

TEST(Pickle, ItemsGoOnlyIntoOurContainers) {
  expect_bad(p::whole(")Na"), "no list");
  expect_bad(p::whole("}Na"), "no list");
  expect_bad(p::whole("]NNs"), "no dictionary");
  expect_bad(p::whole("K\x01NNs"), "no dictionary");
  expect_bad(p::whole(p::text("x") + "(NNu"), "no dictionary");
  expect_bad(p::whole("}(Nu"), "a key without a value");
  expect_bad(p::whole("K\x01}b"), "attributes of a plain value");
  expect_bad(p::whole("]}b"), "attributes of a plain value");
}

TEST(Pickle, OtherNamesStayOpaque) {
  const std::string opaque = p::global("os", "system");
  for (const std::string& body :
       {opaque, p::call(opaque, {p::text("touch /tmp/x")}), opaque + ")\x81", p::call(opaque, {}) + "}b",
        opaque + "Na", opaque + "(NNu", opaque + "NNs", p::call(p::call(opaque, {}), {}),
        p::text("os") + p::text("system") + "\x93"}) {
    EXPECT_EQ(Parsed(p::whole(body)).tree.root.kind, Kind::kOpaque);
  }
}

TEST(Pickle, NamesAreComparedWhole) {
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"torch._utils", "_rebuild_tensor_v22"},
                                                        {"torch", "_utils._rebuild_tensor_v2"},
                                                        {"torch._utils ", "_rebuild_tensor_v2"},
                                                        {"collections", "OrderedDict.fromkeys"},
                                                        {"", ""},
                                                        {"torch", "FloatStorage.__class__"}}) {
    EXPECT_EQ(resolve_pickle_name(module, name).kind, Kind::kOpaque) << module << name;
  }
  EXPECT_EQ(resolve_pickle_name("torch", "HalfStorage").dtype, DType::kF16);
}

TEST(Pickle, TensorsAreDescribedAsPyTorchDoes) {
  const std::string rebuild = p::global("torch._utils", "_rebuild_tensor_v2");
  const std::string storage = p::storage("FloatStorage", "0", 4);
  EXPECT_EQ(Parsed(p::whole(p::tensor(storage, 0, {2, 2}, {2, 1}))).tree.root.kind, Kind::kTensor);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {storage},
                                             {"N", "K\x01", ")", ")"},
                                             {storage, "N", ")", ")"},
                                             {storage, "K\x01", "]", ")"},
                                             {storage, "K\x01", ")", "N"}}) {
    expect_bad(p::whole(p::call(rebuild, arguments)), "not described as PyTorch does");
  }
  expect_bad(p::whole(p::tuple({p::text("storage"), "N", "N", "N", "N"}) + "Q"),
             "not described as PyTorch does");
  expect_bad(p::whole("NQ"), "persistent id that is no tuple");
  EXPECT_EQ(Parsed(p::whole(p::tuple({p::text("module"), "N", "N", "N"}) + "Q")).tree.root.kind,
            Kind::kOpaque);
}

TEST(Pickle, OldOrderedDictionaries) {
  const std::string pairs = p::list({p::list({p::text("a"), "K\x01"}), p::tuple({p::text("b"), "K\x02"})});
  const Parsed parsed(p::whole(p::call(p::global("collections", "OrderedDict"), {pairs})));
  ASSERT_EQ(parsed.tree.root.kind, Kind::kDict);
  EXPECT_EQ(parsed.tree.items(parsed.tree.root).size(), 4u);
  expect_bad(p::whole(p::call(p::global("collections", "OrderedDict"), {p::list({"N"})})),
             "other than pairs");
}

TEST(PickleLimits, Nesting) {
  const auto nested = [](int n) {
    return p::whole(std::string(static_cast<std::size_t>(n), ']') +
                    std::string(static_cast<std::size_t>(n - 1), 'a'));
  };
  EXPECT_EQ(Parsed(nested(100)).tree.root.kind, Kind::kList);
  expect_bad(nested(101), "nested deeper than 100");
  expect_bad(p::whole(")" + std::string(200, '\x85')), "nested deeper than 100");
  // A list that holds itself is as deep as it is often put into itself.
  std::string cycle = "]q" + "\x00"s;
  for (int i = 0; i < 200; ++i) cycle += "h\x00"s + "a";
  expect_bad(p::whole(cycle), "nested deeper than 100");
}

TEST(PickleLimits, Stack) {
  expect_bad(p::whole(std::string(1'000'001, 'N')), "the stack is too deep");
  expect_bad(p::whole(std::string(5'000'000, '(')), "");
}

TEST(PickleLimits, Memo) {
  expect_bad(p::whole("Nr" + test::little<std::uint32_t>(2'000'000)), "the memo is too large");
  expect_bad(p::whole("Nr" + test::little<std::uint32_t>(0xffffffffu)), "the memo is too large");
  expect_bad(p::whole("N" + std::string(2'000'001, '\x94')), "the memo");
  expect_bad(p::whole("Nq\x05h\x04"), "the memo has no number 4");
}

TEST(PickleLimits, Memory) {
  // Empty containers cost one byte each in the file.
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "(" + std::string(1000, ']') + "t";
  expect_bad(p::whole(many), "more than 36 MiB");
  // A memo entry that is called back again and again.
  std::string again = "](";
  for (int i = 0; i < 2'000'000; ++i) again += "h\x00"s;
  expect_bad(p::whole("]q" + "\x00"s + again), "");
}

TEST(PickleLimits, Names) {
  expect_bad(p::whole("c" + std::string(600, 'm') + "\nn\n"), "a name is too long");
  expect_bad(p::whole("cno newline"), "ends inside a name");
}

}  // namespace
}  // namespace dq::files

// Pickles that attack: each loads as nothing, or is refused, and leaves no trace.
#include <gtest/gtest.h>

#include "files/builders.h"
#include "files/weight_source.h"
#include "support/temp_dir.h"

namespace dq::files {
namespace {

using namespace std::string_literals;
namespace p = test::pickle;

const std::string kSixteen(16, 'd');

// What the __reduce__ of an attacker's object leaves in the file, in its known shapes.
std::vector<std::string> gadgets(const std::string& marker) {
  const std::string command = p::text("touch " + marker);
  const std::string code = p::text("open('" + marker + "', 'w')");
  std::vector<std::string> out;
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"posix", "system"},
                                                        {"nt", "system"},
                                                        {"os", "popen"},
                                                        {"os", "execv"},
                                                        {"subprocess", "call"},
                                                        {"subprocess", "Popen"},
                                                        {"subprocess", "check_output"},
                                                        {"pty", "spawn"},
                                                        {"commands", "getoutput"}}) {
    out.push_back(p::call(p::global(module, name), {command}));
  }
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"builtins", "eval"},
                                                        {"builtins", "exec"},
                                                        {"__builtin__", "eval"},
                                                        {"__builtin__", "execfile"},
                                                        {"builtins", "compile"},
                                                        {"builtins", "__import__"},
                                                        {"runpy", "_run_code"},
                                                        {"runpy", "run_path"},
                                                        {"timeit", "timeit"},
                                                        {"code", "InteractiveInterpreter"},
                                                        {"codecs", "open"},
                                                        {"pathlib", "Path.touch"},
                                                        {"webbrowser", "open"},
                                                        {"importlib", "import_module"},
                                                        {"pip", "main"},
                                                        {"torch", "load"},
                                                        {"torch.hub", "load"},
                                                        {"torch.jit", "load"},
                                                        {"numpy.testing._private.utils", "runstring"},
                                                        {"torch.serialization", "_load"},
                                                        {"_codecs", "decode"},
                                                        {"operator", "attrgetter"},
                                                        {"functools", "partial"},
                                                        {"shutil", "copyfile"},
                                                        {"io", "open"},
                                                        {"ctypes", "CDLL"},
                                                        {"multiprocessing.util", "spawnv_passfds"}}) {
    out.push_back(p::call(p::global(module, name), {code}));
  }
  const std::string getattr =
      p::call(p::global("builtins", "getattr"),
              {p::call(p::global("builtins", "__import__"), {p::text("os")}), p::text("system")});
  out.push_back(p::call(getattr, {command}));                                             // nested calls
  out.push_back(p::text("os") + p::text("system") + "\x93" + p::tuple({command}) + "R");  // STACK_GLOBAL
  out.push_back(p::global("subprocess", "Popen") + p::tuple({command}) + "\x81");         // NEWOBJ
  out.push_back(p::global("some", "Class") + ")\x81" +
                p::dict({p::text("__setstate__"), p::global("os", "system")}) + "b");  // BUILD
  out.push_back("(" + command + "ios\nsystem\n");                                      // INST
  out.push_back("(" + p::global("os", "system") + command + "o");                      // OBJ
  out.push_back("\x82\x01");                                                           // EXT1
  out.push_back("P" + marker + "\n");                                                  // PERSID
  out.push_back(p::call(p::global("torch._utils", "_rebuild_tensor_v2"), {getattr, command}));
  out.push_back(
      p::call(p::global("collections", "OrderedDict"), {p::call(p::global("os", "system"), {command})}));
  out.push_back(p::call(p::global("torch._utils", "_rebuild_parameter"),
                        {p::call(p::global("os", "system"), {command})}));
  return out;
}

// Where the object may stand in a file.
std::vector<std::string> placements(const std::string& object) {
  const std::string tensor = p::tensor(p::storage("FloatStorage", "0", 4), 0, {4}, {1});
  return {
      object,
      p::dict({p::text("state_dict"), object}),
      p::dict({p::text("w"), tensor, p::text("x"), object}),
      p::dict({object, tensor}),
      p::list({tensor, object}),
      "}" + object + "b",
      p::tensor(p::tuple({p::text("storage"), object, p::text("0"), p::text("cpu"), p::integer(4)}) + "Q", 0,
                {4}, {1}),
      p::tensor(object, 0, {4}, {1}),
      p::tuple({p::text("storage"), object}) + "Q",
      object + "0" + "}",  // run it, throw the result away: POP
  };
}

TEST(MaliciousPickle, LoadsAsNothingOrIsRefused) {
  test::TempDir dir;
  const std::string marker = (dir.path() / "marker").string();
  int files = 0, loaded = 0;
  for (const std::string& object : gadgets(marker)) {
    for (const std::string& body : placements(object)) {
      const std::string pickle = p::whole(body);
      for (const std::string& file :
           {test::torch_zip(pickle, {kSixteen}), test::torch_legacy(pickle, {{"0", kSixteen}}, 4), pickle}) {
        const auto path = dir.write("model.ckpt", file);
        try {
          const auto source = open_weights(path);
          ++loaded;
          // What loads is the honest tensor beside the attack, under a plain name, and nothing else.
          EXPECT_LE(source->tensors().size(), 1u);
          EXPECT_TRUE(source->metadata().empty());
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ErrorCode::kBadFile || error.code() == ErrorCode::kUnsupported)
              << error.what();
          EXPECT_EQ(error.file(), path.string());
          EXPECT_FALSE(error.hint().empty()) << error.what();
        }
        ++files;
      }
    }
  }
  EXPECT_GE(files, 500);
  EXPECT_GT(loaded, 50);
  EXPECT_FALSE(std::filesystem::exists(marker));
  EXPECT_EQ(
      std::distance(std::filesystem::directory_iterator(dir.path()), std::filesystem::directory_iterator()),
      1);
}

TEST(MaliciousPickle, AnAttackBrokenOffAfterwardsIsNoSpecialCase) {
  // Scanners have been evaded by pickles that run first and are malformed behind that.
  test::TempDir dir;
  const std::string marker = (dir.path() / "marker").string();
  for (const std::string& object : gadgets(marker)) {
    const std::string pickle = std::string("\x80\x02") + object + "\xff\xff\xff";
    const auto path = dir.write("model.safetensors", test::torch_zip(pickle, {}));
    EXPECT_EQ(test::error_of([&] { open_weights(path); }).code(), ErrorCode::kBadFile);
  }
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST(MaliciousPickle, Bombs) {
  std::vector<std::string> bombs;
  bombs.push_back(std::string(2'000'000, ']'));
  bombs.push_back(std::string(2'000'000, '('));
  bombs.push_back("]" + std::string(3'000'000, '\x94'));
  bombs.push_back("X\xff\xff\xff\xff");
  bombs.push_back("\x95\xff\xff\xff\xff\xff\xff\xff\x7f");
  bombs.push_back("B\xff\xff\xff\x7f");
  std::string doubling = "]q\x00"s;
  for (char i = 1; i < 90; ++i) {
    const std::string before(1, static_cast<char>(i - 1));
    doubling += "](h" + before + "h" + before + "eq" + std::string(1, i);
  }
  bombs.push_back("(" + doubling + "l");
  std::string keep = "(" + doubling + "t";
  bombs.push_back(keep);
  bombs.push_back(p::tensor(p::storage("FloatStorage", "0", 4), 0, {1ll << 40, 1ll << 20}, {0, 0}));
  bombs.push_back(p::tensor(p::storage("FloatStorage", "0", INT64_MAX), 0, {INT64_MAX}, {1}));
  for (const std::string& bomb : bombs) {
    test::TempDir dir;
    const auto path = dir.write("bomb.pt", test::torch_zip(p::whole(bomb), {kSixteen}));
    EXPECT_EQ(test::error_of([&] { open_weights(path); }).code(), ErrorCode::kBadFile) << bomb.substr(0, 40);
  }
}

}  // namespace
}  // namespace dq::files

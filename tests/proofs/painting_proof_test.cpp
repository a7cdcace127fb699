// What painting's inputs mean: masks, first pictures and the weights of words, on the built-in model.
#include "media/codec.h"
#include "mini/measures.h"
#include "proofs/small_model.h"

namespace dq::test {
namespace {

class PaintingProof : public SmallModel {
 protected:
  std::string keep(const media::Image& image, const std::string& name) {
    const std::filesystem::path file = folder_.path() / (name + ".png");
    media::write_image(file, image);
    return file.string();
  }
};

// The middle is painted anew; the border stays, and what is new shows the prompt's noun.
TEST_F(PaintingProof, InpaintingShowsTheNewNounInsideAndKeepsTheRest) {
  media::Image mask = media::make_image(128, 128, 1);
  for (int y = 12; y < 116; ++y) {
    for (int x = 12; x < 116; ++x) mask.row(y)[x] = 255;
  }
  const mini::Concept &old = known("dog"), &wanted = known("rose");
  pipeline::Request request = ask("a rose on a yellow background", 1);
  const media::Image before = composer_.render(composer_.plain_emoji(old.id, colour("yellow")));
  request.init_image = keep(before, "dog");
  request.mask_image = keep(mask, "mask");
  request.mask_blur = 0;
  const std::vector<media::Image> pictures = paint(request, 8);
  EXPECT_LE(probability({before}, wanted), 0.05);
  EXPECT_GE(probability(pictures, wanted), 0.5);
  EXPECT_LE(probability(pictures, old), 0.1);
  for (const media::Image& picture : pictures) {
    int worst = 0;
    for (int y = 0; y < 128; ++y) {
      for (int x = 0; x < 128; ++x) {
        for (int c = 0; c < 3 && mask.row(y)[x] == 0; ++c) {
          worst = std::max(worst, std::abs(picture.row(y)[3 * x + c] - before.row(y)[3 * x + c]));
        }
      }
    }
    EXPECT_EQ(worst, 0) << "a pixel outside of the mask changed";
  }
}

// The old subject fades and the new one appears as denoise grows.
TEST_F(PaintingProof, TheOldSubjectFadesAsDenoiseGrows) {
  const mini::Concept &old = known("dog"), &wanted = known("rose");
  pipeline::Request request = ask("a rose on a yellow background", 1);
  request.init_image = keep(composer_.render(composer_.plain_emoji(old.id, colour("yellow"))), "dog");
  std::vector<double> dog, rose;
  for (const double denoise : {0.2, 0.6, 1.0}) {
    request.denoise = denoise;
    const std::vector<media::Image> pictures = paint(request, 8);
    dog.push_back(probability(pictures, old));
    rose.push_back(probability(pictures, wanted));
  }
  EXPECT_GE(dog[0], 0.9);
  EXPECT_LE(dog[2], 0.05);
  EXPECT_LE(dog[1], dog[0]);
  EXPECT_GE(dog[1], dog[2]);
  EXPECT_LE(rose[0], 0.05);
  EXPECT_GE(rose[2], 0.5);
  EXPECT_LE(rose[1], rose[2] + 0.05);
}

// Of two things that a prompt asks for, the heavier one shows more.
TEST_F(PaintingProof, AWeightRaisesItsWord) {
  const mini::Concept& cat = known("cat");
  const auto share = [&](const std::string& prompt) { return probability(paint(ask(prompt, 1), 12), cat); };
  const double lighter = share("a (cat:0.6) and a dog on a yellow background");
  const double plain = share("a cat and a dog on a yellow background");
  const double heavier = share("a (cat:1.4) and a dog on a yellow background");
  EXPECT_GT(heavier, plain);
  EXPECT_GT(plain, lighter);
}

}  // namespace
}  // namespace dq::test

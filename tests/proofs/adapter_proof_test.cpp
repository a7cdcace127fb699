// LoRAs and embeddings that are trained on the built-in model bring what their pictures show.
#include <fstream>

#include "media/codec.h"
#include "mini/checks.h"
#include "mini/palette.h"
#include "proofs/small_model.h"

namespace dq::test {
namespace {

namespace fs = std::filesystem;

class AdapterProof : public SmallModel {
 protected:
  // The judge's mean share of what 64 prompts ask for that the adapter has nothing to do with.
  double others(const std::vector<pipeline::LoraUse>& loras) {
    double sum = 0;
    const std::vector<mini::Question> questions = mini::retrieval_questions(composer_, 64, false);
    for (const mini::Question& q : questions) {
      pipeline::Request request = ask(q.prompt, 1);
      request.loras = loras;
      sum +=
          probability({paint(request)}, composer_.catalogue().concepts[static_cast<std::size_t>(q.subject)]);
    }
    return sum / static_cast<double>(questions.size());
  }

  // Pictures of things that the model was taught, with captions.
  fs::path known_pictures(int count) {
    const fs::path folder = folder_.path() / "known";
    fs::create_directories(folder);
    for (int i = 0; i < count; ++i) {
      const int subject = composer_.subjects()[static_cast<std::size_t>(i)];
      const mini::Scene scene = composer_.plain_emoji(subject, (5 * i + 3) % mini::kColours);
      media::write_image(folder / (std::to_string(i) + ".png"), composer_.render(scene));
      std::ofstream(folder / (std::to_string(i) + ".txt")) << scene.en;
    }
    return folder;
  }
};

TEST_F(AdapterProof, ALoraOfTenPicturesTeachesASubject) {
  const mini::Concept& subject = known("watermelon");
  ASSERT_TRUE(subject.held_out);
  const fs::path file = run(training(pictures_of(subject, "sks", 10), "subject.safetensors"));
  pipeline::Request request = ask("sks on a yellow background", 1);
  const std::vector<media::Image> before = paint(request, 8);
  EXPECT_LE(probability(before, subject), 0.05);
  request.loras = {{.file = file.string(), .strength = 1, .sha256 = {}}};
  EXPECT_GE(probability(paint(request, 8), subject), 0.8);
  request.loras[0].strength = 0;
  EXPECT_EQ(paint(request, 2)[1], before[1]);
}

// The same subject beside 60 pictures of which the model is to say what it said.
TEST_F(AdapterProof, WithPreservationOtherPromptsStay) {
  const mini::Concept& subject = known("watermelon");
  const fs::path repeated = folder_.path() / "subject";
  fs::create_directories(repeated);
  fs::rename(pictures_of(subject, "sks", 10), repeated / "6_sks");
  train::TrainRequest wanted = training(repeated, "kept.safetensors");
  wanted.regularisation = known_pictures(60).string();
  wanted.preserve = true;
  wanted.steps = 500;
  wanted.rate = 5e-4;
  const std::vector<pipeline::LoraUse> loras = {{.file = run(wanted).string(), .strength = 1, .sha256 = {}}};
  pipeline::Request request = ask("sks on a yellow background", 1);
  request.loras = loras;
  EXPECT_GE(probability(paint(request, 8), subject), 0.8);
  EXPECT_GE(others(loras), others({}) - 0.05);
}

TEST_F(AdapterProof, ALoraOfGrayPicturesTakesTheColoursAway) {
  const fs::path folder = folder_.path() / "gray";
  fs::create_directories(folder);
  for (int i = 0; i < 30; ++i) {
    const mini::Scene scene =
        composer_.plain_emoji(composer_.subjects()[static_cast<std::size_t>(i)], i % mini::kColours);
    media::write_image(folder / (std::to_string(i) + ".png"), media::to_gray(composer_.render(scene)));
    std::ofstream(folder / (std::to_string(i) + ".txt")) << scene.en << ", inkstyle";
  }
  train::TrainRequest wanted = training(folder, "style.safetensors");
  wanted.steps = 600;
  wanted.rate = 5e-4;
  const fs::path file = run(wanted);
  pipeline::Request request = ask("a rose on a yellow background, inkstyle", 1);
  const double before = colourfulness(paint(request, 8));
  request.loras = {{.file = file.string(), .strength = 1, .sha256 = {}}};
  EXPECT_LE(colourfulness(paint(request, 8)), before / 2);
}

TEST_F(AdapterProof, AnEmbeddingTeachesASubject) {
  const mini::Concept& subject = known("watermelon");
  train::TrainRequest request = training(pictures_of(subject, "sks", 10), "zorp.safetensors");
  request.target = train::Target::kEmbedding;
  request.trigger = "sks";
  request.steps = 700;
  const fs::path file = run(request);
  pipeline::PainterOptions options;
  options.embeddings["zorp"] = file;
  pipeline::Painter painter(*device_, options);
  std::vector<media::Image> pictures;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    pictures.push_back(painter.paint(ask("embedding:zorp on a yellow background", seed)).images[0]);
  }
  EXPECT_GE(probability(pictures, subject), 0.4);
}

}  // namespace
}  // namespace dq::test

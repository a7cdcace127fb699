// What a model predicts is told by its file, and matters: a denoiser that was trained on ε, beside the
// built-in one, which was trained on v.
#include "mini/checks.h"
#include "mini/measures.h"
#include "proofs/small_model.h"

namespace dq::test {
namespace {

class ObjectiveProof : public SmallModel {
 protected:
  static constexpr int kQuestions = 12;
  struct Seen {
    double shown = 0;    // the judge's mean probability of what was asked for
    double grounds = 0;  // the share of backgrounds in the colour that was asked for
    std::vector<media::Image> pictures;
  };

  // The denoiser of tests/proofs/mini-eps.safetensors, 32 concepts, with the built-in model's other parts.
  pipeline::Request twin() const {
    pipeline::Request request = ask("", 1);
    request.model = std::string(DQ_SOURCE_DIR) + "/tests/proofs/mini-eps.safetensors";
    request.vae = request.text_encoder = file_.string();
    return request;
  }

  Seen look(pipeline::Request request, int count = kQuestions) {
    Seen out;
    for (const mini::Question& q : mini::retrieval_questions(composer_, count, false)) {
      request.prompt = q.prompt;
      out.pictures.push_back(paint(request));
      out.shown += probability({out.pictures.back()},
                               composer_.catalogue().concepts[static_cast<std::size_t>(q.subject)]) /
                   count;
      out.grounds += (mini::background_colour(out.pictures.back()) == q.colour) / static_cast<double>(count);
    }
    return out;
  }
};

TEST_F(ObjectiveProof, BothPaintAsTheirFilesTell) {
  const Seen v = look(ask("", 1)), eps = look(twin());
  EXPECT_GE(v.shown, 0.5);
  EXPECT_GE(v.grounds, 0.8);
  // It begins at noise that says nothing of how light a picture is, so that black and white grounds are
  // beyond it.
  EXPECT_GE(eps.shown, 0.5);
  pipeline::Request told = twin();
  told.prediction = models::Prediction::kEps;
  EXPECT_EQ(look(told, 2).pictures[1], eps.pictures[1]);
}

// What was trained on v shows nothing when its answers are read as ε; the other way round pictures turn gray.
TEST_F(ObjectiveProof, AnswersThatAreMisreadShow) {
  pipeline::Request v_as_eps = ask("", 1), eps_as_v = twin();
  v_as_eps.prediction = models::Prediction::kEps;
  eps_as_v.prediction = models::Prediction::kV;
  EXPECT_LE(look(v_as_eps, 6).shown, 0.1);
  EXPECT_LE(colourfulness(look(eps_as_v, 6).pictures), 0.5 * colourfulness(look(twin(), 6).pictures));
}

}  // namespace
}  // namespace dq::test

#pragma once
// A scene's pixels.
#include "mini/scene.h"
#include "mini/sprites.h"

namespace dq::mini {

// [kCanvas, kCanvas] RGB. Integers throughout, but for the edges of shapes (IEEE doubles: + − · / √ only).
media::Image render_scene(const Scene& scene, const Sprites& sprites);

}  // namespace dq::mini

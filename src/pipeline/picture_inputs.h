#pragma once
// The pictures a request starts from, brought to its size.
#include "media/image.h"
#include "pipeline/request.h"

namespace dq::pipeline {

struct PictureInputs {
  Tensor image;                        // [1, H, W, 3] in [−1, 1]; undefined without --init
  Tensor mask;                         // [1, 1, H, W], 1 = repaint, blurred; undefined without --mask
  media::Image original;               // --init at the request's size
  std::vector<media::Image> controls;  // of request.controls, RGB, as large as they came
};

// When the request names an init image but no size, the size becomes the picture's, rounded to whole cells.
// Returns the picture when it had to be read for that; else it is empty.
media::Image adopt_picture_size(Request& request, int cell);

// Reads the files, fills in their hashes, fits them (filling the frame, cutting what stands out) to width ×
// height. Throws kBadFile when a hash is given and differs: the picture is another one than the request was
// made with. `init`: what adopt_picture_size has read, so that it is not read again.
PictureInputs read_pictures(Request& request, Device& device, media::Image init = {});

// The painted picture where the mask says so, the original elsewhere: what was not to be touched stays exact.
media::Image keep_outside_mask(const media::Image& painted, const PictureInputs& inputs);

}  // namespace dq::pipeline

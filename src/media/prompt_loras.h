#pragma once
// LoRAs named in a prompt: <lora:name:weight>, with WebUI's further forms.
#include "media/generation_info.h"

namespace dq::media {

// In the order of the prompt. <lora:name>, <lora:name:te>, <lora:name:te:unet>, and te=, unet= by name;
// weights default to 1. The tag "lyco" is read alike. Tags without a name are left out.
std::vector<LoraUse> loras_in_prompt(std::string_view prompt);

}  // namespace dq::media

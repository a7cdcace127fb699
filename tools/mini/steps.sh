# Steps that reproduce and objectives share; sourced in the folder of a run. Each leaves what is there already alone.
# $build: where the programs are.

catalogue() {
  [ -f data/catalogue.json ] || "$build/mini_catalogue" -o data
  [ -f data/merges.txt ] || "$build/mini_tokenizer" --data data -o data/merges.txt
}

# Runs a learner, from its state when there is one. $1: its result.
learn() {
  result=$1
  shift
  [ ! -f "$result" ] || return 0
  if [ -f "$result.state" ]; then set -- "$@" --resume; fi
  "$@" -o "$result" >> "$result.log" 2>&1
}

judge() {
  learn judge.safetensors "$build/mini_judge" --data data --steps 5000 --batch 64
}

# A folder of composed pictures; the rest: how many, and of what.
pictures() {
  folder=$1
  shift
  [ -d "$folder" ] || { "$build/mini_pictures" --data data -o "$folder.partial" "$@" && mv "$folder.partial" "$folder"; }
}

# A denoiser on 8 pictures a step; $1: its result, then the training and what is its own.
denoiser() {
  learn "$@" --keep-all --wildcards --caption-dropout 0.1 --batch 8 --rate 4e-4 --optimizer-option beta2=0.99 \
    --resolution 128 --checkpointing never --save-every 500 --no-samples
}

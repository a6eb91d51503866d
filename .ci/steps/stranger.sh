# A stranger, who has no checkout and no replace, can build the modules: see
# .ci/release.
step_stranger() { run nice go run ./.ci/release stranger; }

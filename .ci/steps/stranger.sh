# A stranger, who has no checkout and no replace, can build the modules: see
# .ci/release.
step_stranger() { run nice go run ./.ci/release stranger; }

# A reader, who has the pages and an empty directory, gets what they promise.
step_follow() { run nice go run ./.ci/release follow; }

//go:build !race

package trpcpool_test

const raceDetector = false

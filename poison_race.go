//go:build race

package wherry

const raceDetector = true

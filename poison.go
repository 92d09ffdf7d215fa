package wherry

import (
	"os"
	"strings"
)

// poison makes a Context unusable once its exchange is over, instead of
// recycling it: in test binaries and under the race detector. It is a
// variable so that tests of allocations can look at the other way.
var poison = raceDetector || strings.HasSuffix(os.Args[0], ".test") || strings.HasSuffix(os.Args[0], ".test.exe")

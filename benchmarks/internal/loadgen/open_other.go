//go:build !linux

package loadgen

import "errors"

func runOpen(Config) (Report, error) {
	return Report{}, errors.New("open loops need epoll, and so Linux")
}

// Package browsertest opens the pages of the examples and of package static in
// a real browser. It holds tests alone and is a module of its own, because
// driving a browser needs modules that nobody else needs. They run on Linux;
// without Chromium they are skipped and say so.
//
//	apt-get install chromium
//	go test -count=1 ./...
//	WHERRY_SCREENSHOTS=/tmp/pages go test -count=1 ./...    # look at them
//
// The servers are the built examples where a page belongs to one, so that they
// can be killed and started again.
package browsertest

package static

import (
	"errors"
	"io/fs"

	"wherry.example/wherry"
)

// This file answers with a file that a handler has chosen.

var errName = errors.New("static: no name of a file below the root, as dir/file")

// Send answers with one file of fsys, as [Dir] does: with an ETag, preconditions,
// ranges, a media type by its name, and copied by the system where it can.
// The file system of an [os.Root] lets no name out of its directory:
//
//	root, err := os.OpenRoot("reports") // once
//	...
//	return static.Send(c, root.FS(), c.Param("year")+".pdf")
//
// A Content-Type or Cache-Control that is set already stands; see also
// [Attachment]. There is no index, no fallback, and no sibling is sent in place
// of the file. Names that begin with a dot are served: who may ask for which
// file is the handler's to decide, and [wherry.FilePath] for a name that comes
// from the path. Nothing is kept in memory: of a file without a time of
// modification the whole content is read for the ETag.
//
// A name that is none of a file is a *wherry.Error of status 404 with the cause
// in Err, as is a directory.
func Send(c *wherry.Context, fsys fs.FS, name string) error {
	noSniffing(c)
	s := &site{fsys: fsys, dotfiles: true, cacheFor: Revalidate}
	s.shelf.room = -1
	if !fs.ValidPath(name) || !s.visible(name) {
		return notFound(errName)
	}
	r, err := s.find(name)
	if err != nil {
		return notFound(err)
	}
	if own := c.ResponseHeaders().Get(wherry.HeaderContentType); own != "" {
		r.contentType = own
	}
	return s.answer(c, r)
}

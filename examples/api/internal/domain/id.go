package domain

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// ID names a task for ever: it is never used again. IDs sort by the time at
// which they were made, to the millisecond, and then by chance; 80 random bits
// keep them apart and make them impossible to guess.
type ID string

// idLength is that of 16 bytes in base32.
const idLength = 26

// idCoding keeps the order of the bytes: its digits rise.
var idCoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

var errID = errors.New("is no id of a task")

// NewID makes an ID.
func NewID(now time.Time) ID {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(raw[6:]) // never fails
	return ID(idCoding.EncodeToString(raw[:]))
}

// UnmarshalText takes an ID from outside, which must look like one.
func (id *ID) UnmarshalText(text []byte) error {
	raw, err := idCoding.DecodeString(string(text))
	// One text for one ID: the last digit has bits to spare.
	if err != nil || len(text) != idLength || strings.ContainsAny(string(text), "\r\n") || idCoding.EncodeToString(raw) != string(text) {
		return errID
	}
	*id = ID(text)
	return nil
}

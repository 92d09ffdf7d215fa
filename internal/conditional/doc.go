// Package conditional evaluates the preconditions of a request: RFC 9110
// section 13. It reads fields and compares; it answers nothing, has no clock
// and allocates nothing.
//
// A field of dates that is malformed, or stands on two lines, counts as
// absent (sections 13.1.3 and 13.1.4). Of a malformed list of entity tags the
// members before the mistake count. That is enough to read with: at worst
// the content is sent once more. A request that changes something relies on
// the list, so there the verdict is Malformed.
package conditional

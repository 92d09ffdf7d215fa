// Package doctest holds the README and the pages of docs/ to the source: its
// tests type-check every block of Go in them, and resolve their links, the
// names in their text, and the examples that their commands start.
//
// A block is one of three things.
//
//   - A whole file, which begins with its package clause.
//   - Declarations. All those of one page are one package, so a block may use
//     what an earlier one of its page declares.
//   - Statements. They stand in a function that returns an error and has in
//     scope app, a *wherry.App, c, a *wherry.Context, h, a wherry.Handler, and
//     what the blocks of declarations of the page declare.
//
// Imports are added where a block has none; a package it names must be in the
// table of imports. What else a block of statements needs stands in a comment
// right before it, which readers of the page do not see, as the list of
// parameters of that function:
//
//	<!-- go: ln net.Listener, db *sql.DB -->
//
// A block for which there is no other way is left out, and named in the output
// of the test with its reason:
//
//	<!-- go: not checked: the reason -->
package doctest

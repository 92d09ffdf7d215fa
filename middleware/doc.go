// Package middleware has what most servers want around their handlers. It is
// built from what every user of wherry may use, and needs no other module.
//
//	app := wherry.New().
//		Use(
//			middleware.RequestID(),
//			middleware.Recover(),
//			middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: proxies}),
//			middleware.SecureHeaders(),
//			middleware.CORS(middleware.CORSOptions{Origins: []string{"https://example.org"}}),
//			middleware.CSRF(),
//			middleware.RateLimit(middleware.RateLimitOptions{Requests: 600}),
//			middleware.Timeout(10*time.Second),
//		).
//		AfterResponse(middleware.AccessLog(slog.Default()))
//
// # Order
//
// The first one given is the outermost. What is left out changes nothing in
// the order of the rest:
//
//  1. RequestID, so that all reports have the id
//  2. Recover, so that whatever is inside may panic
//  3. ClientIP, before anybody asks for the address or the scheme
//  4. SecureHeaders, so that all answers have the fields
//  5. HTTPSRedirect and AllowHosts, before anything looks at a request in
//     clear, or answers under a foreign name
//  6. CORS, before anything refuses a preflight, and so that pages can read
//     refusals
//  7. CSRF, before anything acts with the authority of a cookie
//  8. RateLimit, before anything that costs something
//  9. authentication
//  10. ConcurrencyLimit, and then Timeout, so that waiting does not count
//  11. BodyLimit and RequireContentType, and then Decompress, which counts
//     under that limit
//  12. Compress around ETag
//
// AccessLog is a hook and has no place among them. App.Use is around every
// route and around the answers 404, 405 and to OPTIONS; Group.Use and
// wherry.With are around theirs, inside of it.
//
// # Mistakes
//
// A constructor never panics. One that cannot work returns middleware that
// App.Build reports, with the option and the fix and the place where it was
// registered. Where the zero value of the options works they may be left out.
package middleware

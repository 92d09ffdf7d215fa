package static

import "strings"

// mediaTypes are the types of files by extension, in lower case. The system's
// own list is not read: a file has the same type on every machine. Text is
// UTF-8. Source of the names: the IANA registry and, for scripts, RFC 9239.
var mediaTypes = map[string]string{
	// Pages and what they are made of.
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".xhtml": "application/xhtml+xml",
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".cjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".json5": "application/json5", ".jsonld": "application/ld+json",
	".geojson": "application/geo+json", ".topojson": "application/json", ".ndjson": "application/x-ndjson", ".jsonl": "application/jsonl",
	".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".appcache": "text/cache-manifest; charset=utf-8",
	".xml": "application/xml", ".xsl": "application/xslt+xml", ".xslt": "application/xslt+xml", ".dtd": "application/xml-dtd",
	".rss": "application/rss+xml", ".atom": "application/atom+xml", ".vtt": "text/vtt; charset=utf-8", ".srt": "application/x-subrip",

	// Images.
	".svg": "image/svg+xml", ".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".jfif": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".ico": "image/vnd.microsoft.icon",
	".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".heic": "image/heic", ".heif": "image/heif", ".jxl": "image/jxl",

	// Fonts.
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".ttc": "font/collection",
	".eot": "application/vnd.ms-fontobject",

	// Sound and pictures that move.
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg",
	".flac": "audio/flac", ".wav": "audio/wav", ".weba": "audio/webm", ".mid": "audio/midi", ".midi": "audio/midi",
	".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg", ".mov": "video/quicktime",
	".mkv": "video/matroska", ".avi": "video/x-msvideo", ".mpeg": "video/mpeg", ".mpg": "video/mpeg", ".3gp": "video/3gpp",
	".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".m4s": "video/iso.segment", ".m2ts": "video/mp2t",

	// Text to read.
	".txt": "text/plain; charset=utf-8", ".text": "text/plain; charset=utf-8", ".log": "text/plain; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".markdown": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".tsv": "text/tab-separated-values; charset=utf-8", ".ics": "text/calendar; charset=utf-8", ".vcf": "text/vcard; charset=utf-8",
	".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml", ".ini": "text/plain; charset=utf-8",
	".conf": "text/plain; charset=utf-8", ".sql": "application/sql", ".go": "text/plain; charset=utf-8", ".c": "text/plain; charset=utf-8",
	".h": "text/plain; charset=utf-8", ".py": "text/plain; charset=utf-8", ".rs": "text/plain; charset=utf-8",
	".sh": "text/plain; charset=utf-8", ".diff": "text/plain; charset=utf-8", ".patch": "text/plain; charset=utf-8",

	// Documents.
	".pdf": "application/pdf", ".rtf": "application/rtf", ".epub": "application/epub+zip", ".ps": "application/postscript",
	".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".odp": "application/vnd.oasis.opendocument.presentation",

	// Archives and other bytes.
	".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip", ".br": "application/octet-stream",
	".zst": "application/zstd", ".tar": "application/x-tar", ".7z": "application/x-7z-compressed", ".rar": "application/vnd.rar",
	".bz2": "application/x-bzip2", ".xz": "application/x-xz", ".jar": "application/java-archive", ".iso": "application/octet-stream",
	".apk": "application/vnd.android.package-archive", ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
	".dmg": "application/x-apple-diskimage", ".exe": "application/vnd.microsoft.portable-executable", ".bin": "application/octet-stream",

	// Models, maps, keys.
	".glb": "model/gltf-binary", ".gltf": "model/gltf+json", ".obj": "model/obj", ".stl": "model/stl", ".usdz": "model/vnd.usdz+zip",
	".gpx": "application/gpx+xml", ".kml": "application/vnd.google-earth.kml+xml", ".pem": "application/x-pem-file",
	".asc": "application/pgp-keys", ".torrent": "application/x-bittorrent", ".proto": "text/plain; charset=utf-8",
}

// lowerKeys returns a copy with lower-case extensions.
func lowerKeys(types map[string]string) map[string]string {
	lower := make(map[string]string, len(types))
	for ext, t := range types {
		lower[strings.ToLower(ext)] = t
	}
	return lower
}

package static

// aliases tells that names may mean something else than what they say.
const aliases = true

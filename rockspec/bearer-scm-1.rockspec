rockspec_format = "3.0"
package = "bearer"
version = "scm-1"

source = {
  url = "git+https://github.com/bearer-lua/bearer.git",
  branch = "main",
}

description = {
  summary = "Keeps API tokens fresh",
  detailed = [[
Name a provider, give it credentials, and ask for a header whenever one is needed. bearer logs in,
refreshes ahead of expiry, never blocks an event loop and never shows a secret. Providers are data.]],
  homepage = "https://github.com/bearer-lua/bearer",
  issues_url = "https://github.com/bearer-lua/bearer/issues",
  license = "MIT",
  labels = { "oauth2", "token", "http", "authentication" },
}

dependencies = {
  "lua >= 5.1",
  "lua-cjson >= 2.1.0",
}

-- No header is named: it lies in a multiarch folder on Debian, where LuaRocks does not look.
external_dependencies = {
  CURL = { library = "curl" },
  CRYPTO = { library = "crypto" },
}

build = {
  type = "builtin",
  modules = {
    ["bearer"] = "lua/bearer/init.lua",
    ["bearer.core"] = {
      sources = {
        "csrc/core.c",
      },
      incdirs = { "$(CURL_INCDIR)", "$(CRYPTO_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)", "$(CRYPTO_LIBDIR)" },
      libraries = { "curl", "crypto" },
    },
  },
}

test = {
  type = "busted",
}

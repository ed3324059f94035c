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
  SSL = { library = "ssl" },
  CRYPTO = { library = "crypto" },
}

build = {
  type = "builtin",
  modules = {
    ["bearer.answer"] = "lua/bearer/answer.lua",
    ["bearer.attempt"] = "lua/bearer/attempt.lua",
    ["bearer.call"] = "lua/bearer/call.lua",
    ["bearer.catalogue"] = "lua/bearer/catalogue.lua",
    ["bearer.definition"] = "lua/bearer/definition.lua",
    ["bearer.definition.compiled"] = "lua/bearer/definition/compiled.lua",
    ["bearer.definition.copy"] = "lua/bearer/definition/copy.lua",
    ["bearer.definition.inherit"] = "lua/bearer/definition/inherit.lua",
    ["bearer.definition.inputs"] = "lua/bearer/definition/inputs.lua",
    ["bearer.definition.language"] = "lua/bearer/definition/language.lua",
    ["bearer.definition.names"] = "lua/bearer/definition/names.lua",
    ["bearer.definition.paths"] = "lua/bearer/definition/paths.lua",
    ["bearer.definition.request"] = "lua/bearer/definition/request.lua",
    ["bearer.definition.shape"] = "lua/bearer/definition/shape.lua",
    ["bearer.definition.text"] = "lua/bearer/definition/text.lua",
    ["bearer.definition.words"] = "lua/bearer/definition/words.lua",
    ["bearer.drivers.blocking"] = "lua/bearer/drivers/blocking.lua",
    ["bearer.drivers.coroutines"] = "lua/bearer/drivers/coroutines.lua",
    ["bearer.drivers.cqueues"] = "lua/bearer/drivers/cqueues.lua",
    ["bearer.drivers.luv"] = "lua/bearer/drivers/luv.lua",
    ["bearer.drivers.manual"] = "lua/bearer/drivers/manual.lua",
    ["bearer.drivers.resty"] = "lua/bearer/drivers/resty.lua",
    ["bearer.engine"] = "lua/bearer/engine.lua",
    ["bearer.errors"] = "lua/bearer/errors.lua",
    ["bearer.exchange"] = "lua/bearer/exchange.lua",
    ["bearer.flight"] = "lua/bearer/flight.lua",
    ["bearer"] = "lua/bearer/init.lua",
    ["bearer.inputs"] = "lua/bearer/inputs.lua",
    ["bearer.json"] = "lua/bearer/json.lua",
    ["bearer.lifetime"] = "lua/bearer/lifetime.lua",
    ["bearer.login"] = "lua/bearer/login.lua",
    ["bearer.meta"] = "lua/bearer/meta.lua",
    ["bearer.named"] = "lua/bearer/named.lua",
    ["bearer.options"] = "lua/bearer/options.lua",
    ["bearer.path"] = "lua/bearer/path.lua",
    ["bearer.providers.cambyopro"] = "lua/bearer/providers/cambyopro.lua",
    ["bearer.providers.cobuilder"] = "lua/bearer/providers/cobuilder.lua",
    ["bearer.providers.crm_com"] = "lua/bearer/providers/crm_com.lua",
    ["bearer.providers.hubsoft"] = "lua/bearer/providers/hubsoft.lua",
    ["bearer.providers.oauth2"] = "lua/bearer/providers/oauth2.lua",
    ["bearer.providers.oauth2_client_credentials"] = "lua/bearer/providers/oauth2_client_credentials.lua",
    ["bearer.providers.oauth2_password"] = "lua/bearer/providers/oauth2_password.lua",
    ["bearer.providers.oauth2_refresh_token"] = "lua/bearer/providers/oauth2_refresh_token.lua",
    ["bearer.providers.oracle_commerce"] = "lua/bearer/providers/oracle_commerce.lua",
    ["bearer.providers.oracle_commerce_user"] = "lua/bearer/providers/oracle_commerce_user.lua",
    ["bearer.refusal"] = "lua/bearer/refusal.lua",
    ["bearer.renewal"] = "lua/bearer/renewal.lua",
    ["bearer.request"] = "lua/bearer/request.lua",
    ["bearer.served"] = "lua/bearer/served.lua",
    ["bearer.text"] = "lua/bearer/text.lua",
    ["bearer.token"] = "lua/bearer/token.lua",
    ["bearer.values"] = "lua/bearer/values.lua",
    ["bearer.core"] = {
      sources = {
        "csrc/base/buffer.c",
        "csrc/base/clock.c",
        "csrc/base/codes.c",
        "csrc/base/encode.c",
        "csrc/base/freshness.c",
        "csrc/base/jwt.c",
        "csrc/base/secret.c",
        "csrc/base/vars.c",
        "csrc/http/client.c",
        "csrc/http/fork.c",
        "csrc/http/notify.c",
        "csrc/http/queue.c",
        "csrc/http/request.c",
        "csrc/http/sockets.c",
        "csrc/http/transfer.c",
        "csrc/http/url.c",
        "csrc/http/worker.c",
        "csrc/lua/class.c",
        "csrc/lua/compat.c",
        "csrc/lua/core.c",
        "csrc/lua/login.c",
        "csrc/lua/primitives.c",
        "csrc/lua/request.c",
        "csrc/lua/secret_ref.c",
        "csrc/lua/send.c",
        "csrc/lua/state.c",
        "csrc/lua/token.c",
        "csrc/lua/vars.c",
      },
      defines = { "_GNU_SOURCE" },
      incdirs = { "csrc", "$(CURL_INCDIR)", "$(SSL_INCDIR)", "$(CRYPTO_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)", "$(SSL_LIBDIR)", "$(CRYPTO_LIBDIR)" },
      libraries = { "curl", "ssl", "crypto", "pthread" },
    },
  },
}

test = {
  type = "busted",
}

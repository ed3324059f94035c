std = "min" -- what all Luas share
max_line_length = 100
read_globals = {
  "jit", -- on LuaJIT alone
  "ngx", -- inside nginx alone
  coroutine = { fields = { "isyieldable" }, other_fields = true }, -- not in plain Lua 5.1
}

files["spec"] = { std = "+busted" }
files["spec/sandbox"] = { std = "+ngx_lua", globals = { "ngx" } }
files[".busted"] = { std = "min" }

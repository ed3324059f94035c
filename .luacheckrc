std = "min" -- what all Luas share
max_line_length = 100
read_globals = { "ngx" } -- there only inside nginx

files["spec"] = { std = "+busted" }
files["spec/sandbox"] = { std = "+ngx_lua", globals = { "ngx" } }
files[".busted"] = { std = "min" }

-- What several specs need from outside Lua: a shell, a child of the same Lua, a small C program.
local helper = {}

--- The command that this Lua was started by: a child of that name runs as this one does.
helper.interpreter = (function()
  local i = 0
  while arg and arg[i - 1] do
    i = i - 1
  end
  return arg and arg[i] or "lua5.4"
end)()

--- A text as one word for the shell.
function helper.quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- A command of words, none of which the shell reads.
function helper.command(words)
  local quoted = {}
  for i, word in ipairs(words) do
    quoted[i] = helper.quote(tostring(word))
  end
  return table.concat(quoted, " ")
end

--- Run a command.
-- @treturn string what it wrote, to stderr as well
-- @treturn number its exit status
function helper.run(command)
  local pipe = assert(io.popen("{ " .. command .. '\n} 2>&1; printf "\\n%d" $?'))
  local text, status = pipe:read("*a"):match("^(.*)\n(%d+)$")
  pipe:close()
  return text, tonumber(status)
end

--- Run a command that must succeed.
-- @treturn string what it wrote
function helper.must(command)
  local text, status = helper.run(command)
  if status ~= 0 then
    error(("%s: exit status %d\n%s"):format(command, status, text), 2)
  end
  return text
end

--- A fresh folder that goes away with `rm -rf`.
function helper.folder()
  return (helper.must("mktemp -d"):gsub("%s+$", ""))
end

--- All of a file.
function helper.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- Make a file of this text.
-- @treturn string its path
function helper.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local spawned = {}

--- Run a command beside this process, for ten minutes at most. Nobody waits for it at the end.
-- @treturn function its next line of output
function helper.spawn(command)
  local pipe = assert(io.popen("sh -c " .. helper.quote("echo $$; exec timeout 600 " .. command
    .. " 2>&1 </dev/null") .. " &"))
  spawned[#spawned + 1] = { pipe = pipe, pid = pipe:read("*l") }
  return function()
    return pipe:read("*l")
  end
end

--- End all that `spawn` started.
function helper.stop()
  for i, one in ipairs(spawned) do
    os.execute("kill " .. one.pid)
    one.pipe:read("*a") -- until it has ended
    one.pipe:close()
    spawned[i] = nil
  end
end

--- The local ports of this machine's open connections to a port of 127.0.0.1, sorted.
function helper.connections(port)
  local wanted, ports = (":%04X"):format(port), {}
  for line in io.lines("/proc/net/tcp") do
    local from, to, state = line:match("^ *%d+: %x+:(%x+) 0100007F(:%x+) (%x+)")
    if to == wanted and state == "01" then
      ports[#ports + 1] = tonumber(from, 16)
    end
  end
  table.sort(ports)
  return ports
end

--- Build spec/support/NAME.c.
-- @tparam string name
-- @tparam[opt] string flags after the source
-- @treturn string the path of the program
function helper.build(name, flags)
  local path = ("build/support/%s.%s"):format(name, helper.interpreter:match("[^/]*$"))
  if os.getenv("SUITE_CHILD") and flags then -- what loads our module loads the sanitizers
    path, flags = path .. ".asan", flags .. " -fsanitize=address,undefined"
  end
  helper.must(("mkdir -p build/support && gcc -D_GNU_SOURCE -std=c11 -O1 -g -Wall -Wextra "
    .. "-Wpedantic -o %s.$$ spec/support/%s.c %s && mv %s.$$ %s")
    :format(path, name, flags or "", path, path))
  return path
end

--- Build spec/support/NAME.c with this Lua in it.
-- @treturn string the path of the program
function helper.build_host(name)
  return helper.build(name, "-rdynamic -pthread -ldl $(pkg-config --cflags --libs "
    .. helper.interpreter:match("[^/]*$") .. ")")
end

return helper

-- Answers of Lua's math.random. The protocol is described in make.py.

if arg[1] == "--version" then
    print(io.popen(arg[-1] .. " -v"):read("l"))
    os.exit(0)
elseif arg[1] ~= "lua_random" then
    io.stderr:write("unknown preset " .. tostring(arg[1]) .. "\n")
    os.exit(1)
end

-- tonumber() would make a float of what is above 2^63 - 1; integer arithmetic wraps around.
local function integer(digits)
    local number = 0
    for digit in digits:gmatch("%d") do
        number = number * 10 + math.tointeger(digit)
    end
    return number
end

for line in io.lines() do
    local seed, modulus, skip, length = line:match("(%d+) (%d+) (%d+) (%d+)")
    local last = integer(modulus) - 1
    math.randomseed(integer(seed))
    local outputs = {}
    for i = 1, integer(length) do
        for _ = 1, integer(skip) do
            math.random(0, last)
        end
        outputs[i] = math.random(0, last)
    end
    print(table.concat(outputs, " "))
end

// Answers of System.Random. The protocol is described in make.py.

using System;

static class DotNet
{
    static int Main(string[] arguments)
    {
        string preset = arguments[0];
        if (preset == "--version")
        {
            Type mono = Type.GetType("Mono.Runtime");
            Console.WriteLine(mono == null ? ".NET " + Environment.Version : "Mono " + MonoVersion(mono));
            return 0;
        }
        if (preset != "dotnet_next")
        {
            Console.Error.WriteLine("unknown preset " + preset);
            return 1;
        }
        for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            string[] words = line.Split(' ');
            // Seeds arrive as unsigned 32-bit numbers: 2^32-1 is the int -1.
            var random = new Random(unchecked((int)uint.Parse(words[0])));
            int modulus = int.Parse(words[1]), skip = int.Parse(words[2]), count = int.Parse(words[3]);
            var outputs = new int[count];
            for (int i = 0; i < count; i++)
            {
                for (int dropped = 0; dropped < skip; dropped++)
                    random.Next(modulus);
                outputs[i] = random.Next(modulus);
            }
            Console.WriteLine(string.Join(" ", outputs));
        }
        return 0;
    }

    static object MonoVersion(Type mono)
    {
        var name = mono.GetMethod(
            "GetDisplayName",
            System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static);
        return name.Invoke(null, null);
    }
}

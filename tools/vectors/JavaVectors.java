// Answers of java.util.Random. The protocol is described in make.py.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Random;
import java.util.function.IntSupplier;

public final class JavaVectors {
    public static void main(String[] arguments) throws IOException {
        String preset = arguments[0];
        if (preset.equals("--version")) {
            System.out.println(System.getProperty("java.runtime.name") + " "
                    + System.getProperty("java.runtime.version"));
            return;
        }
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            String[] words = line.split(" ");
            // Seeds arrive as unsigned 64-bit numbers: 2^64-1 is the long -1.
            Random random = new Random(Long.parseUnsignedLong(words[0]));
            answer(
                    draws(preset, random, Integer.parseInt(words[1])),
                    Integer.parseInt(words[2]),
                    Integer.parseInt(words[3]));
        }
    }

    private static IntSupplier draws(String preset, Random random, int modulus) {
        switch (preset) {
            case "java_next_int":
                return () -> random.nextInt(modulus);
            case "java_next_int_digits":
                // Java evaluates operands from left to right: the first call is the first digit.
                return () -> 100 * random.nextInt(10) + 10 * random.nextInt(10) + random.nextInt(10);
            case "java_next_double":
                return () -> (int) (random.nextDouble() * modulus);
            default:
                throw new IllegalArgumentException("unknown preset " + preset);
        }
    }

    private static void answer(IntSupplier draws, int skip, int count) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++) {
                draws.getAsInt();
            }
            line.append(i == 0 ? "" : " ").append(draws.getAsInt());
        }
        System.out.println(line);
    }
}
